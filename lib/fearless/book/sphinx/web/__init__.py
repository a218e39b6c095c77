"""What others see of the site: titles, pictures, addresses."""
